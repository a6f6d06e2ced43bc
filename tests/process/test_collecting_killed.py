"""A worker that is killed in the middle of a collection: another one goes on, and nothing is asked for twice."""

import os
import signal
from collections import Counter

from app.collecting import collections
from app.collecting.collections import CollectionRequest, Collections
from app.collecting.folder import folder_of
from app.core.db import reading
from app.core.dispatch import Dispatcher
from app.core.long_work import RunState
from app.versions.base_data import open_runs_with
from tests.conftest import copy_of, make_settings
from tests.flickr import BROWNS, add_photos, environment, lead_to
from tests.ml.collection.flickr_server import FlickrServer
from tests.parts import Site
from tests.running import alive, eventually


def test_another_worker_goes_on_and_fetches_nothing_twice(tmp_path, sqlite_template):
    url = copy_of(sqlite_template, tmp_path)
    with FlickrServer().running() as flickr:
        add_photos(flickr, 101, 12, BROWNS[0])
        flickr.hold_images_after = 5
        site = Site(tmp_path, url, **environment(flickr))
        settings = make_settings(tmp_path, data_dir=site.data, database_url=url)
        lead_to(flickr, settings)

        def row():
            with reading(site.sessions) as session:
                return collections.get(session, number)

        try:
            use_cases = Collections(site.sessions, settings, Dispatcher(settings.queue_url).send, open_runs_with)
            number = use_cases.start(CollectionRequest({BROWNS[0]: (BROWNS[0],)}, ("cc-by",), 50, "small-240"), None)
            first = site.worker()
            flickr.hold(folder_of(row(), settings).photos)
            process = eventually(lambda: row().process_group, "its process is known")
            os.kill(first.pid, signal.SIGKILL)
            first.wait(10)
            eventually(lambda: not alive(process), "the process does not outlive its worker")
            flickr.hold_images_after = None
            flickr.release.set()
            site.worker()
            site.settle(240)
            assert (row().state(), row().kept, row().looked) == (RunState.DONE, 12, 12)
            assert set(Counter(flickr.whole_images()).values()) == {1}
            assert set(Counter(flickr.pages_asked()).values()) == {1}
        finally:
            site.close()
