"""`blemish token`: parse, call, print."""

from blemish import api


def token(name: str, /, *, role: str = "operator", revoke: bool = False, history: str | None = None) -> int:
    """Make a token for a user of the server, or take it back.

    Parameters
    ----------
    name
        Name of a person or a machine; who has a token already gets another, and the old one is of no use.
    role
        operator (has photos judged, looks, labels) or engineer (changes thresholds, models, users as well).
    revoke
        Take the token back instead.
    history
        File or URL of the history, as for serve.
    """
    made = api.token(name, role=role, revoke=revoke, history=history)
    print(f"the token of {name} is revoked" if made is None else made)
    return 0
