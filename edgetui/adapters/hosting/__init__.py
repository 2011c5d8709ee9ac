"""Any port behind child processes: a deadline on each call, streamed results, and cancelling that really ends it.

`hosted` is the parent's side of a call, `pool` keeps the children, `process` is one of them, `child` is what it runs.
"""
