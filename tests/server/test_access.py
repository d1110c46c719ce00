"""Who may ask for what, and what no page of another site may."""

from pathlib import Path
from typing import Any

import pytest
from httpx import Client

from blemish.errors import DataError, SettingsError
from blemish.history.audit import changes
from blemish.history.opening import open_history
from blemish.history.users import give_token, revoke_token
from blemish.server.serving import open_station
from blemish.server.settings import ServerSettings
from server.conftest import OpenServer, Served

ENGINEERS_ALONE: tuple[tuple[str, str, Any], ...] = (
    ("PUT", "/api/models/part/thresholds", {}),
    ("POST", "/api/models/part/thresholds/undo", None),
    ("POST", "/api/models/part/reload", None),
    ("POST", "/api/models/part/replace", {"candidate": "other"}),
    ("GET", "/api/candidates", None),
    ("POST", "/api/models/part/calibrate-with-drawn", None),
    ("GET", "/api/audit", None),
    ("GET", "/api/users", None),
    ("PUT", "/api/users/eva", {"role": "engineer"}),
    ("DELETE", "/api/users/eva", None),
)
WITHOUT_TOKEN = {"/health", "/ready", "/api/openapi.json"}


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def test_roles_hold_at_every_address(open_server: OpenServer, photo: bytes) -> None:
    server = open_server()
    assert server.get("/api/session")["role"] == "engineer"
    operator = bearer(give_token(server.history, "tom", "operator", who="test"))
    engineer = bearer(give_token(server.history, "eva", "engineer", who="test"))
    ask = server.client.request
    for address, methods in server.get("/api/openapi.json")["paths"].items():
        for method in methods if address not in WITHOUT_TOKEN else ():
            place = address.replace("{model}", "part").replace("{number}", "1").replace("{name}", "eva")
            for headers in ({}, bearer("guessed"), {"Authorization": "Basic eDp5"}):
                answer = ask(method.upper(), place, headers=headers)
                assert (answer.status_code, answer.json()["error"]["code"][-5:]) == (401, "token"), address
    for method, address, body in ENGINEERS_ALONE:
        answer = ask(method, address, headers=operator, json=body)
        assert (answer.status_code, answer.json()["error"]["code"]) == (403, "engineers_only"), address
    judged = server.client.post("/api/models/part/judge", content=photo, headers=operator)
    assert judged.status_code == 200
    labelled = ask("PUT", f"/api/verdicts/{judged.json()['id']}/label", json={"label": "bad"}, headers=operator)
    assert labelled.json()["label"] == "bad"
    assert changes(server.history)[0].who == "tom"
    assert ask("GET", "/api/audit", headers=engineer).status_code == 200
    assert ask("GET", "/health").status_code == 200


def test_users_are_made_and_revoked_and_one_engineer_stays(open_server: OpenServer) -> None:
    server = open_server()
    ask = server.client.request
    first = ask("PUT", "/api/users/tom", json={"role": "operator"})
    assert first.json()["error"]["code"] == "no_engineer_left"  # from then on nobody could change anything
    token = ask("PUT", "/api/users/eva", json={"role": "engineer"}).json()["token"]
    assert ask("GET", "/api/users").status_code == 401
    engineer = bearer(token)
    operator = ask("PUT", "/api/users/tom", json={"role": "operator"}, headers=engineer).json()["token"]
    assert ask("DELETE", "/api/users/eva", headers=engineer).json()["error"]["code"] == "no_engineer_left"
    assert ask("GET", "/api/session", headers=bearer(operator)).json()["user"] == "tom"
    assert ask("DELETE", "/api/users/tom", headers=engineer).status_code == 200
    assert ask("GET", "/api/session", headers=bearer(operator)).status_code == 401
    assert [each["action"] for each in ask("GET", "/api/audit", headers=engineer).json()["changes"]] == ["user"] * 3


def test_who_revokes_the_last_token_lets_nobody_in_by_that(open_server: OpenServer) -> None:
    server = open_server()
    token = give_token(server.history, "eva", "engineer", who="test")
    revoke_token(server.history, "eva", who="test")
    assert server.client.get("/api/session", headers=bearer(token)).status_code == 401
    assert server.client.get("/api/session").status_code == 401
    assert server.client.get("/api/users").status_code == 401


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Host": "evil.example"},  # a name of theirs that leads here
    ],
)
def test_a_page_of_another_site_gets_nothing(served: Served, headers: dict[str, str], photo: bytes) -> None:
    answer = served.client.post("/api/models/part/judge", content=photo, headers=headers)
    assert (answer.status_code, answer.json()["error"]["code"][:7]) == (403, "foreign")


def test_who_comes_through_a_proxy_is_not_taken_for_this_machine(served: Served) -> None:
    for header in ("X-Forwarded-For", "Forwarded", "Via"):
        answer = served.client.get("/api/verdicts", headers={header: "for=192.0.2.1"})
        assert (answer.status_code, answer.json()["error"]["code"]) == (401, "no_token")


def test_every_answer_tells_browsers_to_run_nothing_else(served: Served) -> None:
    for address in ("/", "/health", "/api/verdicts", "/nowhere", "/api/nowhere"):
        answer = served.client.get(address)
        policy = answer.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Referrer-Policy"] == "no-referrer"
        assert "Set-Cookie" not in answer.headers
        assert "Server" not in answer.headers


@pytest.mark.parametrize(
    "place", ["/../app.py", "/%2e%2e/app.py", "/..%2fapp.py", "//etc/passwd", "/static/../../app.py"]
)
def test_no_path_of_a_client_leads_out_of_the_page(served: Served, place: str) -> None:
    answer = served.client.get(place)
    assert answer.status_code == 404
    assert answer.json()["error"]["code"] == "not_found"


@pytest.mark.parametrize(
    ("method", "address", "given", "expected"),
    [
        ("GET", "/api/verdicts/1e9", {}, (422, "invalid_request")),
        ("GET", "/api/verdicts/99999999999999999999999", {}, (404, "no_such_verdict")),
        ("GET", "/api/verdicts", {"params": {"verdict": "ugly"}}, (422, "invalid_request")),
        ("GET", "/api/verdicts", {"params": {"since": "2026-01-01T00:00"}}, (422, "invalid_request")),
        ("GET", "/api/verdicts", {"params": {"sort": "up"}}, (422, "invalid_request")),
        ("GET", "/api/verdicts", {"params": {"after": "x~y"}}, (422, "bad_setting")),
        ("GET", "/api/verdicts", {"params": {"after": "2026-01-01T00:00:00~1"}}, (422, "bad_setting")),
        ("GET", "/api/verdicts", {"params": {"since": "0001-01-01T00:00:00+14:00"}}, (422, "invalid_request")),
        ("GET", "/api/audit", {"params": {"before": 1 << 63}}, (422, "invalid_request")),
        ("GET", "/api/live", {"params": {"after": 1 << 63}}, (422, "invalid_request")),
        ("GET", "/api/session", {"headers": {"Host": "[x"}}, (403, "foreign_name")),
        ("DELETE", "/api/users/nobody", {}, (404, "no_such_user")),
        ("GET", "/api/models/none", {}, (404, "no_such_model")),
        ("GET", "/api/models/part/what-if", {"params": {"threshold": "nan"}}, (422, "invalid_request")),
        ("POST", "/api/models/none/judge", {"content": b"x"}, (404, "no_such_model")),
        ("POST", "/api/models/part/judge", {"files": {"a": b"x"}}, (415, "form_given")),
        ("POST", "/api/models/part/judge", {"params": {"station": "a\nb"}, "content": b"x"}, (422, "invalid_request")),
        ("POST", "/api/models/part/judge-many", {"content": b"x"}, (422, "no_photo")),
        ("DELETE", "/api/verdicts", {}, (405, "wrong_method")),
        ("PUT", "/api/verdicts/77/label", {"json": {"label": "good"}}, (404, "no_such_verdict")),
    ],
)
def test_every_error_has_one_shape(
    served: Served, method: str, address: str, given: dict[str, Any], expected: tuple[int, str]
) -> None:
    answer = served.client.request(method, address, **given)
    assert (answer.status_code, answer.json()["error"]["code"]) == expected
    assert "\n" not in answer.json()["error"]["message"]


def test_nobody_else_can_ask_where_nobody_has_a_token(tmp_path: Path, stpm_exported: Path) -> None:
    settings = ServerSettings(host="0.0.0.0", port=0, history=str(tmp_path / "history.db"))
    with pytest.raises(SettingsError, match="nobody has a token: make one with `blemish token NAME --role engineer"):
        open_station([stpm_exported], settings)
    with open_history(tmp_path / "history.db") as history:
        give_token(history, "eva", "engineer", who="test")
    with pytest.raises(DataError, match="no model to serve"):  # now it is the next thing that is missing
        open_station([], settings)


def test_the_openapi_tells_of_every_error_and_answer(served: Served) -> None:
    told = served.get("/api/openapi.json")
    for address, methods in told["paths"].items():
        for method, operation in methods.items():
            assert operation["description"], (address, method)
            assert {"401", "404", "422", "503"} <= operation["responses"].keys()
    with Client(base_url=str(served.client.base_url)) as client:
        assert client.get("/docs").status_code == 404  # it would load scripts from elsewhere
