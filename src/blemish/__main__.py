"""`python -m blemish`, `torchrun -m blemish`, and the command `blemish`."""

import sys
from typing import NoReturn

from blemish.errors import BlemishError, InterruptionError

FAILED = 2


def main() -> NoReturn:
    """Runs the command line; what goes wrong is one line on standard error and an honest exit code."""
    from blemish.cli import app

    try:
        code = app(exit_on_error=False, print_error=True, result_action="return_value")
    except InterruptionError as stopped:
        fail(str(stopped), 128 + stopped.signal)
    except BlemishError as error:
        fail(str(error), FAILED)
    except KeyboardInterrupt:
        fail("interrupted", 130)
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(141)
    except Exception as error:
        if type(error).__module__.startswith("cyclopts"):
            sys.exit(FAILED)  # already said
        raise
    sys.exit(code if isinstance(code, int) else 0)


def fail(message: str, code: int) -> NoReturn:
    sys.stderr.write(f"blemish: {message}\n")
    sys.exit(code)


if __name__ == "__main__":
    main()
