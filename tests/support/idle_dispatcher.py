"""A dispatcher with nothing to send, for the tests of the stack: it runs until SIGTERM."""

import signal

if __name__ == "__main__":
    while True:
        signal.pause()
