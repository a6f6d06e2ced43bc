"""Whether this process can do all that is asked of it: schema, database, photo storage, model version."""

from app.db import SessionFactory, reading, why_not_writable
from app.domain.errors import NotReady
from app.migrations import is_current
from app.services.classifiers import Classifiers, Served
from app.storage import Storage


def check_ready(sessions: SessionFactory, storage: Storage, classifiers: Classifiers) -> Served:
    """The model version that answers, where everything else is in order too.

    Raises NotReady or ModelUnavailable with a sentence for whoever runs the service; SQLAlchemyError where the database is
    away.
    """
    with reading(sessions) as session:
        if not is_current(session.connection()):
            raise NotReady("The database has another schema; run 'wingcheck db upgrade'.")
        reason = why_not_writable(session.get_bind().engine)
    if reason is not None:
        raise NotReady(f"The database can't be written: {reason}.")
    try:
        storage.check()
    except OSError as error:
        raise NotReady(f"Photos can't be stored: {error.strerror or error}.") from error
    return classifiers.current()
