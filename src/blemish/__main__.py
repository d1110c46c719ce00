"""`python -m blemish`, `torchrun -m blemish`, and the command `blemish`."""

import errno
import io
import logging
import os
import signal
import sys
import traceback
import warnings
from types import FrameType
from typing import NoReturn

from blemish.errors import BlemishError, InterruptionError

_NO_ROOM = (errno.ENOSPC, errno.EDQUOT)
FAILED, BROKEN = 2, 70
"""Whatever is no BlemishError is a mistake of ours: neither 1, which says that photos are anomalous, nor 2."""


class _TerminationError(BaseException):
    """SIGTERM has come; like KeyboardInterrupt this passes whatever only expects errors, and open files are closed."""


def main() -> NoReturn:
    """Runs the command line; what goes wrong is one line on standard error and an exit code."""
    from blemish.cli import app, explain, with_shares

    _silence_decoders()
    _allow_large_photos()
    _print_any_name()
    if os.environ.get("WORLD_SIZE", "1") == "1":  # torchrun's processes wait for one another where no handler is asked
        signal.signal(signal.SIGTERM, _terminate)
    words = with_shares(sys.argv[1:])
    try:
        explain(words)
        code = app(words, exit_on_error=False, print_error=True, result_action="return_value")
        sys.stdout.flush()  # else what cannot be written is told by an exit code of Python's own
    except InterruptionError as stopped:
        fail(str(stopped), 128 + stopped.signal)
    except BlemishError as error:
        fail(str(error), FAILED)
    except KeyboardInterrupt:
        fail("interrupted", 128 + signal.SIGINT)
    except _TerminationError:
        fail("terminated", 128 + signal.SIGTERM)
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(141)
    except Exception as error:
        ours = _ours_behind(error)
        if ours is not None:  # a command whose file could not be imported, for a package is not installed
            fail(str(ours), FAILED)
        if type(error).__module__.startswith("cyclopts"):
            sys.exit(FAILED)  # already said
        if _is_out_of_memory(error):
            fail(
                "out of memory: end other programs; a training takes less by a lower --batch-size or --image-size",
                FAILED,
            )
        if isinstance(error, OSError) and error.errno in _NO_ROOM and error.filename is None:
            _fail_to_print(error)
        traceback.print_exc()
        fail("this is a mistake in blemish, not yours: please report it with the lines above", BROKEN)
    sys.exit(code if isinstance(code, int) else 0)


def _print_any_name() -> None:
    """A name of other letters than the terminal's ends no run."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _silence_decoders() -> None:
    """What of a photo cannot be read is said in one line of ours; the process is ours alone."""
    from blemish.data.images import silence_libtiff

    silence_libtiff()
    warnings.filterwarnings("ignore", module="PIL")
    logging.getLogger("PIL").setLevel(logging.CRITICAL)


def _ours_behind(error: BaseException) -> BlemishError | None:
    """Returns the error of ours that another one was raised from, if any was."""
    cause = error.__cause__
    return cause if cause is None or isinstance(cause, BlemishError) else _ours_behind(cause)


def _allow_large_photos() -> None:
    """Lets Pillow decode more pixels than it does unasked, where the environment says so: line-scan cameras give
    them."""
    from PIL import Image

    from blemish.data.pixel_limit import MOST_MEGAPIXELS

    asked = os.environ.get(MOST_MEGAPIXELS)
    if asked:
        if not asked.isdecimal() or not int(asked):
            fail(f"{MOST_MEGAPIXELS} is {asked!r}: give a whole number of millions of pixels, such as 160", FAILED)
        Image.MAX_IMAGE_PIXELS = int(asked) * 10**6


def _is_out_of_memory(error: Exception) -> bool:
    """Returns whether memory ran out; torch, which may not be installed, has an error of its own for GPUs alone."""
    words = "can't allocate memory"
    return isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError" or words in str(error)


def _fail_to_print(error: OSError) -> NoReturn:
    """Gives up what waits for standard output: else Python tries once more at the end, and fails in words of its
    own."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)
    fail(f"what is printed cannot be written ({error.strerror}): make room where it goes", FAILED)


def _terminate(_number: int, _frame: FrameType | None) -> NoReturn:
    raise _TerminationError


def fail(message: str, code: int) -> NoReturn:
    """Prints one line on standard error and ends the process with the exit code."""
    sys.stderr.write(f"blemish: {message}\n")
    sys.exit(code)


if __name__ == "__main__":
    main()
