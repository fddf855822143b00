"""Reading a YAML file into a typed model, with the file, line and key of whatever is wrong.

Not here: which files and models there are (business.py). Scalars stay text until the model types them, so that the
country code NO is not a boolean and the id 007 not a seven.
"""

import difflib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, TypeVar
from zoneinfo import available_timezones

import yaml
from pydantic import AfterValidator, BaseModel, ConfigDict, PrivateAttr, ValidationError

from orchestration.errors import ConfigurationError

Model = TypeVar("Model", bound=BaseModel)
Location = tuple[str | int, ...]
MOST_SHOWN, LONGEST_SHOWN = 30, 60  # of the names that a hint lists


class Part(BaseModel):
    """What every model of a business folder has in common: it is frozen, and unknown keys are errors."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


class Placed(Part):
    """A part that remembers where it was read, for what is found out about its keys later on."""

    _file: str = PrivateAttr(default="sources.yaml")
    _label: str = PrivateAttr(default="")
    _lines: dict[str, int] = PrivateAttr(default_factory=dict)

    def where(self, key: str) -> str:
        """File, line and key, to begin an error about that key with."""
        known = key
        while known and known not in self._lines:
            known = known.rpartition(".")[0]
        line = self._lines.get(known)
        return f"{self._file}{'' if line is None else f':{line}'}: {self._called()}.{key}"

    def _called(self) -> str:
        return self._label

    def found_in(self, path: Path, place: Location, lines: Mapping[Location, int]) -> None:
        """Remember the file it was read from and the lines of its keys, for ``where``."""
        self._file, self._label = str(path), ".".join(map(str, place))
        inside = {at[len(place) :]: line for at, line in lines.items() if at[: len(place)] == place}
        self._lines = {".".join(map(str, at)): line for at, line in inside.items()}


class KeyProblemError(ValueError):
    """Raised by a validator about a key further inside than the model it belongs to."""

    def __init__(self, message: str, *location: str | int) -> None:
        super().__init__(message)
        self.location: Location = location


def load_model(path: Path, model: type[Model]) -> Model:
    """Read ``path`` as YAML and validate it as ``model``.

    Raises:
        ConfigurationError: the file is missing, is not YAML, or does not fit the model; every problem with its line.
    """
    return load_model_and_lines(path, model)[0]


def load_model_and_lines(path: Path, model: type[Model]) -> tuple[Model, dict[Location, int]]:
    """``load_model``, and the line of every key and item by its location: ``("sources", 0, "name")``.

    Raises:
        ConfigurationError: the file is missing, is not YAML, or does not fit the model; every problem with its line.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise ConfigurationError(f"{path}: no such file", remedy=f"a business folder needs a {path.name}") from None
    except UnicodeDecodeError as error:
        raise ConfigurationError(f"{path}: not UTF-8 at byte {error.start}", remedy="save it as UTF-8") from None
    try:
        node = yaml.compose(text, Loader=yaml.BaseLoader)
    except yaml.YAMLError as error:
        raise ConfigurationError(f"{path}: not valid YAML: {_yaml_problem(error)}") from None
    lines: dict[Location, int] = {}
    data = {} if node is None else _plain(path, node, (), lines)
    try:
        return model.model_validate(data), lines
    except ValidationError as error:
        problems = [_sentence(path, problem, lines, model) for problem in error.errors()]
        raise ConfigurationError("\n".join(problems)) from None


def _yaml_problem(error: yaml.YAMLError) -> str:
    mark = getattr(error, "problem_mark", None)
    where = f"line {mark.line + 1}, column {mark.column + 1}: " if mark else ""
    return where + str(getattr(error, "problem", None) or error)


def _plain(path: Path, node: yaml.Node, location: Location, lines: dict[Location, int]) -> Any:
    """The node as dicts, lists and text; remembers the line of every key and item."""
    lines.setdefault(location, node.start_mark.line + 1)
    if isinstance(node, yaml.MappingNode):
        mapping: dict[str, Any] = {}
        for key_node, value_node in node.value:
            key, line = str(key_node.value), key_node.start_mark.line + 1
            if key in mapping:
                raise ConfigurationError(f"{path}:{line}: key {key!r} stands twice", remedy="keep one of them")
            lines[(*location, key)] = line
            mapping[key] = _plain(path, value_node, (*location, key), lines)
        return mapping
    if isinstance(node, yaml.SequenceNode):
        return [_plain(path, item, (*location, i), lines) for i, item in enumerate(node.value)]
    return node.value


def _sentence(path: Path, problem: Any, lines: dict[Location, int], model: type[BaseModel]) -> str:
    """One problem as ``file:line: key: what is wrong``."""
    location: Location = tuple(problem["loc"])
    error = problem.get("ctx", {}).get("error")
    location += error.location if isinstance(error, KeyProblemError) else ()
    known = location
    while known and known not in lines:
        known = known[:-1]
    key = ".".join(str(part) for part in location) or "the file"
    message = problem["msg"].removeprefix("Value error, ").removeprefix("Assertion failed, ")
    if problem["type"] == "extra_forbidden":
        message = "unknown key" + nearest(str(location[-1]), _keys(model, location[:-1]))
    elif problem["type"] == "missing":
        message = "this key is missing"
    return f"{path}:{lines.get(known, 1)}: {key}: {message}"


def nearest(name: str, candidates: Sequence[str]) -> str:
    """A hint that names the closest candidates, or all of them when none is close; of a garbage header not all of it.

    >>> nearest("curency", ["currency", "locale"])
    "; did you mean 'currency'?"
    """
    folded = {candidate.casefold(): candidate for candidate in candidates}
    close = [folded[near] for near in difflib.get_close_matches(name.casefold(), folded, n=2, cutoff=0.6)]
    if close:
        return "; did you mean " + " or ".join(repr(c) for c in close) + "?"
    known = [c if len(c) <= LONGEST_SHOWN else c[:LONGEST_SHOWN] + "…" for c in sorted(candidates)[:MOST_SHOWN]]
    return "; known are " + ", ".join(known) + (", …" if len(candidates) > MOST_SHOWN else "") if candidates else ""


def _keys(model: type[BaseModel], location: Location) -> list[str]:
    """The keys that the model at ``location`` accepts."""
    current: Any = model
    for part in location:
        fields = getattr(current, "model_fields", {})
        field = next((f for name, f in fields.items() if part in (name, f.alias)), None)
        if field is not None:
            current = _inner_model(field.annotation)
        # an index or a free key of a dict: stay with the model of the items
    return [f.alias or name for name, f in getattr(current, "model_fields", {}).items()]


def _inner_model(annotation: Any) -> Any:
    """The pydantic model inside ``X``, ``X | None``, ``tuple[X, ...]`` or ``dict[str, X]``."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    for argument in getattr(annotation, "__args__", ()):
        found = _inner_model(argument)
        if found is not None:
            return found
    return None


def _time_zone(name: str) -> str:
    if name not in available_timezones():
        raise ValueError(f"unknown time zone {name!r}{nearest(name, sorted(available_timezones()))[:120]}")
    return name


TimeZone = Annotated[str, AfterValidator(_time_zone)]
