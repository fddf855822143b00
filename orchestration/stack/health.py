"""Whether the UI answers and has loaded our code, asked over HTTP as a browser would.

Not here: what to do about it (stack.py).
"""

import json
import urllib.error
import urllib.request
from dataclasses import dataclass
from typing import Any

TIMEOUT_SECONDS = 10
QUERY = """{ workspaceOrError { __typename
  ... on PythonError { message }
  ... on Workspace { locationEntries { name loadStatus
    locationOrLoadError { __typename ... on PythonError { message causes { message } } } } } } }"""


@dataclass(frozen=True)
class Problem:
    """Why the UI is not ready: in words, and whether waiting cannot help."""

    text: str
    is_final: bool = False


def location_error(ui_url: str) -> Problem | None:
    """None if the UI answers and every code location is loaded; otherwise what is missing.

    An unreachable code server is not final (it may still be importing); an error in the code is.

    >>> location_error("http://127.0.0.1:9").is_final
    False
    """
    try:
        _get_json(f"{ui_url}/server_info", None)
        workspace = _get_json(f"{ui_url}/graphql", {"query": QUERY})["data"]["workspaceOrError"]
    except (OSError, urllib.error.URLError, ValueError, KeyError, TypeError) as error:
        return Problem(f"the UI does not answer on {ui_url}: {error}")
    entries = workspace.get("locationEntries")
    if not entries:
        return Problem(str(workspace.get("message", "no code location is loaded yet")))
    for entry in entries:
        loaded = entry["locationOrLoadError"] or {}
        if entry["loadStatus"] != "LOADED" or not loaded:
            return Problem(f"code location {entry['name']} is loading")
        if loaded["__typename"] == "PythonError":
            chain = [loaded["message"], *(cause["message"] for cause in loaded["causes"])]
            is_unreachable = "DagsterUserCodeUnreachableError" in loaded["message"]
            return Problem("\n".join(m.strip() for m in chain), is_final=not is_unreachable)
    return None


def _get_json(url: str, body: dict[str, str] | None) -> Any:
    # Loopback: a proxy from the environment would be asked for our own machine.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data=data, headers={"Content-Type": "application/json"})
    with opener.open(request, timeout=TIMEOUT_SECONDS) as answer:
        return json.loads(answer.read())
