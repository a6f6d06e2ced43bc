"""What volunteers are mailed: nothing before the address is confirmed, then questions and outcomes, in their language."""

import re
from datetime import timedelta

from sqlalchemy import select, update

from app.core.db import reading, transaction, utcnow
from app.mail.rules import MailState
from app.mail.tables import Mail
from app.review.decisions import Decision, Decisions
from app.review.questions import Questions
from app.review.rules import IdentificationKind, TaskState
from app.review.tables import ReviewQuestion, ReviewTask
from app.submissions.rules import SubmissionStatus
from app.submissions.tables import Submission, Volunteer
from tests.app.sending import TAXA, post, token_of
from tests.factories import photo
from tests.mailbox import deliver, mail_server
from tests.people import make_user

ANNA = "anna@example.org"


def text_of(mail):
    return " ".join(mail.get_body(("plain",)).get_content().split())


def link_in(mail, part):
    found = re.search(rf"https://count\.example\.org(/{part}[\w./#?=-]*)", mail.get_body(("plain",)).get_content())
    assert found, mail.get_body(("plain",)).get_content()
    assert found[1] in mail.get_body(("html",)).get_content()
    return found[1]


def send(service, seed=1, **fields):
    """Send a photo through the page, in Dutch, and have it screened; the id and the token of the submission."""
    service.client.get("/")
    headers = {"Accept-Language": "nl"}
    sent = post(service.client, photo(seed), headers=headers, claim="unknown", idempotency_key=f"page-{seed}", **fields)
    service.work()
    token = token_of(sent)
    with reading(service.sessions) as session:
        return session.scalar(select(Submission.id).where(Submission.token == token)), token


def confirm(service, mailbox, address=ANNA):
    """Open the link in the mail that asks for it, and press the button."""
    deliver(service)
    path = link_in(mailbox.to(address)[-1], "mail/confirm/")
    assert service.client.get(path).status_code == 200
    return service.client.post(path)


def revision(service, submission_id):
    with reading(service.sessions) as session:
        return session.get_one(ReviewTask, submission_id).revision


def ask(service, user, submission_id, body="Welke kleur had de onderkant?"):
    return Questions(service.sessions).ask(user.id, submission_id, revision(service, submission_id), body)


def decide(service, user, submission_id, **values):
    decision = Decision(IdentificationKind.TAXON, TAXA[0], **values)
    return Decisions(service.sessions).decide(user.id, submission_id, revision(service, submission_id), decision)


def states(service):
    with reading(service.sessions) as session:
        return [row.state for row in session.scalars(select(Mail).order_by(Mail.id))]


def row_of(service, submission_id):
    with reading(service.sessions) as session:
        return session.get_one(Submission, submission_id)


def test_a_question_its_answer_and_the_outcome(posting, mailbox):
    expert = make_user(posting.sessions)
    number, token = send(posting, email=ANNA)
    asked = ask(posting, expert, number)
    deliver(posting)
    [first] = mailbox.mails  # nothing but the one that asks, before the address is confirmed
    assert first["Subject"] == "Bevestig je e-mailadres"
    assert first["List-Unsubscribe"] is None
    link = link_in(first, "mail/confirm/")
    posting.client.get(link)  # as programs do that look at every link
    deliver(posting)
    assert len(mailbox.mails) == 1
    posting.client.post(link)
    deliver(posting)
    deliver(posting)

    question = mailbox.mails[1]
    assert (question["Subject"], question["To"]) == ("Een deskundige heeft een vraag over je vlinderfoto", ANNA)
    assert "> Welke kleur had de onderkant?" in question.get_body(("plain",)).get_content()
    assert (
        '<blockquote lang="nl">Welke kleur had de onderkant?</blockquote>' in question.get_body(("html",)).get_content()
    )
    assert "<img" not in question.get_body(("html",)).get_content()
    page = link_in(question, "s/")
    assert page == f"/s/{token}#question"
    assert posting.client.get("/").text.count('class="badge"') == 2  # beside the menu, and in it
    posting.client.post(f"/s/{token}/answer", data={"body": "Oranje <b>met</b> wit"})
    assert asked.submission_id == number

    decide(posting, expert, number, message="Mooi gezien: <twee> witte puntjes.\nGa zo door.")
    with reading(posting.sessions) as session:
        pending = session.scalars(select(Mail).where(Mail.state == MailState.PENDING)).one()
        assert pending.next_try_at > utcnow() + timedelta(minutes=5)  # time to undo it
    deliver(posting)
    outcome = mailbox.mails[2]
    assert outcome["Subject"] == "Een deskundige zegt: bruin zandoogje"
    assert "> Mooi gezien: <twee> witte puntjes. > Ga zo door." in text_of(outcome)
    assert "&lt;twee&gt;" in outcome.get_body(("html",)).get_content()
    assert outcome["From"] == "Garden count <count@example.org>"
    assert outcome["Message-ID"].endswith("@example.org>")
    assert set(mailbox.senders) == {"count@example.org"}
    deliver(posting)
    assert len(mailbox.mails) == 3
    assert states(posting) == [MailState.SENT] * 3

    assert 'class="badge"' in posting.client.get("/about").text
    listed = posting.client.get("/mine", headers={"Accept-Language": "nl"}).text
    assert "Een deskundige zegt: bruin zandoogje" in listed
    assert "&lt;twee&gt; witte puntjes." in listed
    assert 'class="card__new"' in listed
    assert 'class="badge"' not in posting.client.get("/about").text  # it was looked at
    assert "&lt;twee&gt;" in posting.client.get(f"/s/{token}").text
    assert posting.client.get(f"/api/v1/submissions/{token}").json()["review"]["messages"] == [
        "Mooi gezien: <twee> witte puntjes.\nGa zo door."
    ]


def test_what_was_undone_or_answered_or_withdrawn_is_not_mailed(posting, mailbox):
    expert = make_user(posting.sessions)
    numbers, tokens = zip(*(send(posting, seed, email=ANNA) for seed in range(1, 5)), strict=True)
    confirm(posting, mailbox)
    decided = decide(posting, expert, numbers[0])
    Decisions(posting.sessions).undo(expert.id, decided.identification_id)
    ask(posting, expert, numbers[1])
    posting.client.post(f"/s/{tokens[1]}/answer", data={"body": "Nee"})
    ask(posting, expert, numbers[2])
    posting.client.post(f"/s/{tokens[2]}/withdraw")
    decide(posting, expert, numbers[3])
    again = decide(posting, expert, numbers[3])
    deliver(posting)
    assert again.settled is not None
    assert [mail["Subject"] for mail in mailbox.mails[1:]] == ["Een deskundige zegt: bruin zandoogje"]
    with reading(posting.sessions) as session:
        assert session.scalar(select(Mail.id).where(Mail.submission_id == numbers[2])) is None
    posting.client.post(f"/s/{tokens[0]}/withdraw")
    posting.client.post(f"/s/{tokens[1]}/withdraw")
    with reading(posting.sessions) as session:
        assert session.scalars(select(Volunteer.email)).one() == ANNA
    posting.client.post(f"/s/{tokens[3]}/withdraw")  # nothing is left to write about
    with reading(posting.sessions) as session:
        assert session.scalars(select(Volunteer.email)).one() is None
        assert session.scalars(select(Mail.id)).all() == []


def test_one_mail_a_day_and_the_way_to_stop_it_and_back(posting, mailbox):
    expert = make_user(posting.sessions)
    numbers = [send(posting, seed, email=ANNA, outcome_mails="daily")[0] for seed in (1, 2)]
    confirm(posting, mailbox)
    for number in numbers:
        decide(posting, expert, number)
    with reading(posting.sessions) as session:
        pending = session.scalars(select(Mail).where(Mail.state == MailState.PENDING)).all()
        assert {(mail.next_try_at.hour, mail.next_try_at.minute) for mail in pending} == {(17, 0)}
    deliver(posting)
    [digest] = mailbox.mails[1:]
    assert digest["Subject"] == "Deskundigen hebben 2 van je foto’s bekeken"
    assert len(re.findall(r"count\.example\.org/s/", digest.get_body(("plain",)).get_content())) == 2

    assert digest["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    url = digest["List-Unsubscribe"].strip("<>")
    assert url.startswith("https://count.example.org/mail/stop/")
    path = url.removeprefix("https://count.example.org")
    posting.client.cookies.clear()
    assert "Stop these mails" in posting.client.get(path).text
    headers = {"Origin": "https://mail.example.com", "Sec-Fetch-Site": "cross-site"}
    stopped = posting.client.post(path, data={"List-Unsubscribe": "One-Click"}, headers=headers)
    assert stopped.status_code == 200
    assert "Stopped: mails about what experts decided" in stopped.text
    decide(posting, make_user(posting.sessions), numbers[0], message="Ja")
    deliver(posting)
    assert len(mailbox.mails) == 2
    assert "You get them at present." in posting.client.post(f"{path}/resume").text
    assert posting.client.post(path[:-3] + "AAA").status_code == 404


def test_a_reminder_then_the_question_goes_back(posting, mailbox):
    expert = make_user(posting.sessions)
    number, token = send(posting, email=ANNA)
    confirm(posting, mailbox)
    ask(posting, expert, number)
    deliver(posting)
    questions = Questions(posting.sessions)

    def asked(days):
        with transaction(posting.sessions) as session:
            session.execute(update(ReviewQuestion).values(asked_at=utcnow() - timedelta(days=days)))

    questions.remind(7)
    asked(8)
    questions.remind(7)
    questions.remind(7)
    deliver(posting)
    assert [mail["Subject"] for mail in mailbox.mails[2:]] == ["Een deskundige wacht nog op je antwoord"]
    assert questions.time_out(30) == 0
    asked(31)
    assert [questions.time_out(30), questions.time_out(30)] == [1, 0]
    deliver(posting)
    assert mailbox.mails[3]["Subject"] == "De deskundigen gaan zonder je antwoord verder"
    assert len(mailbox.mails) == 4
    row = row_of(posting, number)
    assert row.status in {SubmissionStatus.FLAGGED, SubmissionStatus.SCREENED}
    with reading(posting.sessions) as session:
        assert session.get_one(ReviewTask, number).state is TaskState.OPEN
        log = session.get_one(Submission, number).log
        assert (log[-1].event, log[-1].actor) == ("lapsed", "machine")
    assert (
        posting.client.post(f"/s/{token}/answer", data={"body": "Te laat"}, follow_redirects=False).status_code == 303
    )
    assert decide(posting, expert, number).settled is not None


def test_another_device_sees_the_same_submissions(posting, mailbox):
    _, token = send(posting, 1, email=ANNA)
    confirm(posting, mailbox)
    posting.client.cookies.clear()
    _, other = send(posting, 2)
    for address in ("nobody@example.org", ANNA, ANNA, ANNA, ANNA):
        answer = posting.client.post("/mine/join", data={"address": address})
        assert "a mail with a link is on its way" in answer.text
    deliver(posting)
    assert len(mailbox.mails) == 4  # not to a stranger, and not more than three to Anna
    path = link_in(mailbox.mails[-1], "mail/join/")
    assert "Yes, join this browser" in posting.client.get(path).text
    assert token not in posting.client.get("/mine").text
    joined = posting.client.post(path).text
    assert token in joined
    assert other in joined
    # Anna's own browser sees it, too, and a receipt of it may be mailed, once.
    for _ in range(2):
        posting.client.post(f"/s/{other}/receipt")
    deliver(posting)
    assert [mail["Subject"] for mail in mailbox.mails[4:]] == ["We hebben je vlinderfoto ontvangen"]
    assert link_in(mailbox.mails[4], "s/") == f"/s/{other}"


def test_a_changed_address_must_be_confirmed_again_and_only_a_confirmed_one_finds_anybody(posting, mailbox):
    from app.core.errors import NotFound
    from app.volunteers.data import find

    send(posting, email=ANNA)
    with reading(posting.sessions) as session:
        try:
            find(session, ANNA)
        except NotFound:
            pass
        else:
            raise AssertionError("anybody may have typed it")
    confirm(posting, mailbox)
    with reading(posting.sessions) as session:
        assert len(find(session, ANNA)) == 1
    old = link_in(mailbox.mails[0], "mail/confirm/")
    posting.client.post("/mine/email", data={"email": "new@example.org"})
    assert posting.client.get(old).status_code == 404
    with reading(posting.sessions) as session:
        volunteer = session.scalars(select(Volunteer)).one()
        assert (volunteer.email, volunteer.email_confirmed_at) == ("new@example.org", None)
    for _ in range(3):  # once for each volunteer and address
        posting.client.post("/mine/email", data={"email": ""})
        posting.client.post("/mine/email", data={"email": "new@example.org"})
    deliver(posting)
    assert len(mailbox.to("new@example.org")) == 1


def test_many_submissions_are_seen_by_pages_and_by_what_became_of_them(posting):
    send(posting)
    with transaction(posting.sessions) as session:
        volunteer = session.scalars(select(Volunteer)).one()
        statuses = [SubmissionStatus.RECEIVED, SubmissionStatus.VERIFIED, SubmissionStatus.QUERIED]
        from app.predictions.rules import ClaimKind
        from app.submissions.tables import ClaimRecord

        for n in range(60):
            row = Submission(
                token=f"many-{n:04}-{'x' * 12}",
                volunteer=volunteer,
                idempotency_key=f"many-{n}",
                content_digest=f"many-{n}",
                status=statuses[n % 3],
            )
            row.claims.append(ClaimRecord(kind=ClaimKind.UNKNOWN))
            session.add(row)
    first, third = (posting.client.get(f"/mine?page={n}").text for n in (1, 3))
    assert (first.count('class="card"'), third.count('class="card"')) == (24, 13)
    assert "Page 3 of 3" in third
    assert 'rel="next"' not in third
    asked = posting.client.get("/mine?show=question").text
    assert asked.count('class="card"') == 20
    assert asked.count("An expert has a question for you") >= 20
    for strange in ("?page=0", "?page=99999", "?page=x", "?show=x"):
        assert posting.client.get(f"/mine{strange}").status_code == 200


def test_without_a_mail_server_nothing_is_asked_or_promised(lite):
    lite.client.get("/")
    token = token_of(post(lite.client, photo(1), email=ANNA))
    with reading(lite.sessions) as session:
        assert session.scalars(select(Volunteer.email)).one() is None
    pages = ["/", "/mine", "/about", f"/s/{token}", "/species", "/sign-in"]
    for language in ("en", "nl"):
        for page in pages:
            html = lite.client.get(page, headers={"Accept-Language": language}).text.lower()
            if page != "/sign-in":
                assert "mail" not in html.replace("we never share your notes, your e-mail address", "").replace(
                    "je opmerkingen, je e-mailadres", ""
                ), (language, page)
    schema = lite.client.get("/openapi.json").json()["components"]["schemas"]["SubmissionForm"]["properties"]
    assert not {"email", "outcome_mails"} & set(schema)
    lite.client.post("/mine/email", data={"email": ANNA})
    assert lite.client.post("/mine/join", data={"address": ANNA}).status_code == 404
    assert lite.client.get("/forgot").status_code == 404
    with transaction(lite.sessions) as session:  # given while there was mail: it can be removed
        session.execute(update(Volunteer).values(email=ANNA))
    assert ANNA in lite.client.get("/mine").text
    lite.client.post("/mine/email", data={"email": ANNA})
    with reading(lite.sessions) as session:
        assert session.scalars(select(Volunteer.email)).one() is None
        assert session.scalars(select(Mail.id)).all() == []


def test_a_strange_subject_and_a_refused_address(posting, mailbox):
    mailbox.refuse["gone@example.org"] = "550 5.1.1 nobody of this name"
    mailbox.refuse["full@example.org"] = "452 4.2.2 try later"
    for seed, address in enumerate(("gone@example.org", "full@example.org"), 1):
        posting.client.cookies.clear()
        send(posting, seed, email=address)
    deliver(posting)
    assert states(posting) == [MailState.REFUSED, MailState.PENDING]
    with reading(posting.sessions) as session:
        full = session.scalars(select(Mail).where(Mail.recipient == "full@example.org")).one()
        assert (full.attempts, "452 4.2.2 try later" in full.error) == (1, True)
        assert timedelta(seconds=30) < full.next_try_at - utcnow() <= timedelta(minutes=1)
    mailbox.refuse.clear()
    deliver(posting)
    assert states(posting) == [MailState.REFUSED, MailState.SENT]


def test_a_broken_connection_is_told_and_not_sent_again(posting, mailbox):
    mailbox.breaks = True
    send(posting, email=ANNA)
    deliver(posting)
    deliver(posting)
    assert states(posting) == [MailState.UNKNOWN]
    assert len(mailbox.mails) == 1
    mailbox.breaks = False
    posting.client.cookies.clear()

    from app.core.roles import Role
    from tests.people import signed_in

    admin = signed_in(posting, Role.ADMIN)
    html = admin.get("/admin/mail").text
    assert "it may have arrived or not" in html
    with reading(posting.sessions) as session:
        number = session.scalars(select(Mail.id)).one()
    assert admin.post(f"/admin/mail/{number}/send-again").status_code == 303
    assert admin.post(f"/admin/mail/{number}/send-again").status_code == 409
    deliver(posting)
    assert states(posting) == [MailState.SENT]
    assert mailbox.mails[0]["Message-ID"] == mailbox.mails[1]["Message-ID"]


def test_a_server_that_is_away_is_not_asked_by_every_mail(tmp_path, sqlite_template):
    from tests.conftest import copy_of, make_settings, running

    with mail_server() as gone:
        settings = gone.settings
    url = copy_of(sqlite_template, tmp_path)
    with running(make_settings(tmp_path, database_url=url, **settings)) as service:
        for seed in (1, 2, 3):
            service.client.cookies.clear()
            send(service, seed, email=f"somebody{seed}@example.org")
        deliver(service)
        with reading(service.sessions) as session:
            rows = session.scalars(select(Mail).order_by(Mail.id)).all()
        assert [row.state for row in rows] == [MailState.PENDING] * 3
        assert sorted(row.attempts for row in rows) == [0, 0, 1]
        assert any("connecting to 127.0.0.1" in row.error for row in rows)
