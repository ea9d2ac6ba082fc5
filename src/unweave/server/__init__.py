"""An HTTP service that separates recordings for others: `unweave serve`.

Two kinds of process share one data folder. The HTTP process takes uploads, answers and hands out
what is done; it decodes and separates nothing. A worker process holds the executor and does the
jobs. Everything that they tell each other is in one SQLite file (`database`, `queue`), so that a
client sees what is on the disk, whoever has died meanwhile. Short tasks on files that strangers
sent go to helper processes with limits (`helpers`, `media`).

`settings` says what the operator allows, `serve` runs it all, `app` and `routes` are the HTTP
interface, `guard` keeps out who may not come in, `kinds` is the table of what can be asked for,
`worker` does it, `client` is for programs that call.
"""
