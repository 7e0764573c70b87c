# SPDX-License-Identifier: Apache-2.0
"""How much is said: by default only warnings.  set_verbosity(INFO) has one line a trial."""

CRITICAL = FATAL = 50
ERROR = 40
WARNING = WARN = 30
INFO = 20
DEBUG = 10

_level = WARNING
_default = True
_logger = None


def get_logger(name="hpo"):
    """The logging.Logger of the package, with a handler to standard error unless that was disabled."""
    global _logger
    import logging

    if _logger is None:
        _logger = logging.getLogger("hpo")
        _logger.setLevel(_level)
        if _default:
            _handle()
    return _logger if name == "hpo" else logging.getLogger(name)


def _handle():
    import logging
    import sys

    if not _logger.handlers:

        class Handler(logging.StreamHandler):  # to what sys.stderr is now
            stream = property(lambda self: sys.stderr, lambda self, stream: None)

        handler = Handler()
        handler.setFormatter(logging.Formatter("[%(levelname)s %(asctime)s] %(message)s"))
        _logger.addHandler(handler)
        _logger.propagate = False


def get_verbosity():
    return _level


def set_verbosity(level):
    """Level of the package's messages: WARNING by default."""
    global _level
    _level = int(level)
    if _logger is not None:
        _logger.setLevel(_level)


def enable_default_handler():
    global _default
    _default = True
    if _logger is not None:
        _handle()


def disable_default_handler():
    global _default
    _default = False
    if _logger is not None:
        for handler in list(_logger.handlers):
            _logger.removeHandler(handler)


def enable_propagation():
    get_logger().propagate = True


def disable_propagation():
    get_logger().propagate = False


def info(text):
    if _level <= INFO:
        get_logger().info(text)


def warning(text):
    get_logger().warning(text)
