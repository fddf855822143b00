"""${NAME} in the values of sources.yaml: filled in from the environment, and put back into whatever is shown or kept.

Not here: reading the environment (settings.py), and which keys may have such values (shapes.py).
"""

import re
from urllib.parse import quote

from orchestration.errors import ConfigurationError
from orchestration.settings import secret
from orchestration.shapes import REFERENCE
from orchestration.warehouse import without_password

# Options that hold a secret even where the business folder has it in the open.
SECRET_OPTION = re.compile(r"key|secret|token|pass|credential|sas", re.IGNORECASE)
_USER_INFO = re.compile(r"(?<=://)[^/]*(?=@)")


class References:
    """What was filled in, so that it can be taken out of a text again.

    >>> import os
    >>> os.environ["DOCTEST_PASSWORD"] = "p@ss"
    >>> references = References()
    >>> references.fill_url("sftp://me:${DOCTEST_PASSWORD}@host/exports", "sources.yaml:2: stores.ftp.url")
    'sftp://me:p%40ss@host/exports'
    >>> references.hide("cannot log in with p@ss, that is p%40ss")
    'cannot log in with ${DOCTEST_PASSWORD}, that is ${DOCTEST_PASSWORD}'
    >>> del os.environ["DOCTEST_PASSWORD"]
    """

    def __init__(self) -> None:
        self._shown: dict[str, str] = {}  # each value with what is shown in its place

    def fill(self, text: str, where: str) -> str:
        """The text with every ${NAME} filled in.

        Raises:
            ConfigurationError: the environment has no such variable.
        """
        return REFERENCE.sub(lambda found: self._value(found.group(1), where), text)

    def fill_url(self, url: str, where: str) -> str:
        """``fill`` for a URL: a user or password in it may hold any character."""
        if REFERENCE.fullmatch(url):
            return self.fill(url, where)
        url = _USER_INFO.sub(
            lambda user: REFERENCE.sub(lambda one: self._quoted(one.group(1), where), user.group()), url
        )
        return self.fill(url, where)

    def fill_option(self, name: str, text: str, where: str) -> str:
        """``fill`` for the option ``name``; a secret that stands there in the open is remembered, too."""
        filled = self.fill(text, where)
        if filled == text and SECRET_OPTION.search(name):
            self.note(text)
        return filled

    def note(self, value: str) -> None:
        """Remember a secret that stands in the open."""
        self._shown.setdefault(value, "***")

    def hide(self, text: str) -> str:
        """The text without any value that was filled in: each stands as its ${NAME} again."""
        for value in sorted(self._shown, key=len, reverse=True):
            text = text.replace(value, self._shown[value])
        return without_password(text)

    def _value(self, name: str, where: str) -> str:
        value = secret(name)
        if not value:
            raise ConfigurationError(
                f"{where}: the environment has no variable {name}",
                remedy=f"set {name} for the process that runs the night, and for daybreak check",
            )
        self._shown[value] = f"${{{name}}}"
        return value

    def _quoted(self, name: str, where: str) -> str:
        quoted = quote(self._value(name, where), safe="")
        self._shown[quoted] = f"${{{name}}}"
        return quoted
