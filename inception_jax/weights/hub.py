"""Weights and runs on the Hugging Face hub: nothing is read or sent unless it is named."""

import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from inception_jax import __version__
from inception_jax.errors import ConfigError, DataError, UserError

FILE = "model.safetensors"
PATIENCE = 10  # seconds until the hub is taken for out of reach
PREFIX = "hub:"
NAME = re.compile(r"[\w.-]+/[\w.-]+")
OWN = {".gitattributes"}  # what the hub itself puts into a new repository
LOGIN = "run `hf auth login`, or set HF_TOKEN"


def download(name: str) -> Path:
    """Downloads the weights of `timm/inception_v4.tf_in1k`, or finds them in the hub's cache.

    Raises:
        ConfigError: `name` is not a hub name, or huggingface_hub is not installed.
        DataError: the download failed.
    """
    if "/" not in name:
        raise ConfigError(
            f"expected a file after {name}, or a hub name such as timm/inception_v4.tf_in1k"
        )
    hub = _client(name)
    if isinstance(cached := hub.try_to_load_from_cache(name, FILE), str):
        return Path(cached)
    try:
        _reach(hub)
        return Path(hub.hf_hub_download(name, FILE))
    except Exception as e:
        raise DataError(
            f"{name}: the download failed ({_reason(e)}); fetch {FILE} by other means and give its "
            f"path after the name"
        ) from e


def push(folder: Path, name: str, private: bool, update: bool) -> str:
    """Uploads a folder that `bundle.write` made, in one commit; returns its URL.

    Args:
        folder: with the files.
        name: `USER/NAME`; the repository is created.
        private: whether a new repository is private.
        update: whether a repository with files may get a new commit.

    Raises:
        ConfigError: not logged in, no right to write there, or the repository has files.
        DataError: the hub cannot be reached, or the upload failed.
    """
    with _client_of_runs(name) as hub:
        api = hub.HfApi()
        api.create_repo(name, private=private or None, exist_ok=True)
        if not update and (files := sorted(set(api.list_repo_files(name)) - OWN)):
            raise ConfigError(
                f"{PREFIX}{name}: expected a new repository, this one has {', '.join(files[:3])}; "
                f"choose another name, or give --update to add a commit that replaces the run"
            )
        message = f"A run of inception_jax {__version__}"
        return str(api.upload_folder(repo_id=name, folder_path=folder, commit_message=message))


def pull(name: str, manifest: str, listed: Callable[[Path], Iterable[str]]) -> tuple[Path, str]:
    """Downloads the files of a run to the hub's cache, all of one commit.

    Args:
        name: `USER/NAME` or `USER/NAME@REVISION`.
        manifest: the name of the first file.
        listed: returns the names of the others, of the folder with the manifest.

    Returns:
        Their folder, and the commit.

    Raises:
        ConfigError: no such repository or revision, it is private, or it holds no run.
        DataError: the hub cannot be reached, or the download failed.
    """
    name, _, revision = name.partition("@")
    with _client_of_runs(name) as hub:
        api = hub.HfApi()
        folder = Path(api.hf_hub_download(name, manifest, revision=revision or None)).parent
        for file in listed(folder):
            api.hf_hub_download(name, file, revision=folder.name)
        return folder, folder.name


def repository(given: str) -> str:
    """`USER/NAME` of `hub:USER/NAME`.

    Raises:
        ConfigError: it is none.
    """
    name = given.removeprefix(PREFIX)
    if not NAME.fullmatch(name.partition("@")[0]):
        raise ConfigError(f"{given}: expected {PREFIX}USER/NAME, a repository of the hub")
    return name


def _client(name: str) -> Any:
    try:
        import huggingface_hub as hub  # pyright: ignore[reportMissingImports]
    except ImportError as e:
        raise ConfigError(
            f"{name}: the hub needs huggingface_hub: pip install 'inception-jax[weights]'"
        ) from e
    return hub


def _reach(hub: Any) -> None:
    """Fails if the hub is out of reach; its own requests try six times, with warnings."""
    hub.get_session().head(hub.constants.ENDPOINT, timeout=PATIENCE)


@contextmanager
def _client_of_runs(name: str) -> Iterator[Any]:
    """The client, whose errors in the body become ours."""
    hub = _client(name)
    from huggingface_hub import utils as errors  # pyright: ignore[reportMissingImports]

    try:
        _reach(hub)
        yield hub
    except UserError:
        raise
    except errors.LocalEntryNotFoundError as e:  # it is not in the cache, and there is no network
        raise DataError(_unusable(hub, name, e)) from e
    except errors.EntryNotFoundError as e:
        raise ConfigError(
            f"{PREFIX}{name}: holds no run that `inception-jax export --to={PREFIX}USER/NAME` "
            f"wrote; another framework's weights are imported as `inception-jax import {name}`"
        ) from e
    except errors.RevisionNotFoundError as e:
        raise ConfigError(f"{PREFIX}{name}: the repository has no such revision") from e
    except errors.RepositoryNotFoundError as e:
        raise ConfigError(
            f"{PREFIX}{name}: no such repository, or it is private: check its name, or {LOGIN} of "
            f"an account that may read it"
        ) from e
    except errors.HfHubHTTPError as e:
        status = getattr(e.response, "status_code", 0)
        if status == 401:
            raise ConfigError(f"{PREFIX}{name}: the hub needs a valid token; {LOGIN}") from e
        if status == 403:
            raise ConfigError(
                f"{PREFIX}{name}: the token may not write there; {LOGIN} with a token that may "
                f"write to {name.partition('/')[0]}"
            ) from e
        raise DataError(f"{PREFIX}{name}: the hub answered {status or _reason(e)}") from e
    except Exception as e:
        raise DataError(_unusable(hub, name, e)) from e


def _unusable(hub: Any, name: str, error: BaseException) -> str:
    return (
        f"{PREFIX}{name}: {hub.constants.ENDPOINT} cannot be used ({_reason(error)}); check the "
        f"network and run the same command again"
    )


def _reason(error: BaseException) -> str:
    """The first line of an error, or of what the client hides behind its own."""
    while isinstance(error, RuntimeError) and error.__cause__:
        error = error.__cause__
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
