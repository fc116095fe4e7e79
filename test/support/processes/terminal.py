"""Runs a command in a terminal of its own, does something to that terminal, and prints how the command ended.

python3 terminal.py close|hold TEXT COMMAND...   once TEXT was shown: closes it, or reads it no more until the end
"""

import os
import pty
import sys

act, text, command = sys.argv[1], sys.argv[2].encode(), sys.argv[3:]
pid, terminal = pty.fork()
if pid == 0:
    os.execvp(command[0], command)
shown = b""
while text not in shown:
    try:
        more = os.read(terminal, 4096)
    except OSError:  # The command is gone.
        more = b""
    if not more:
        break
    shown += more
if act == "close":
    os.close(terminal)
status = os.waitpid(pid, 0)[1]
print(os.waitstatus_to_exitcode(status))
