"""The embedded call's signalling: browsers are introduced to each other over a WebSocket of ours.

    page ──▶ /ws/join or /ws/calls/{id} ──▶ `admission` (whose seat is it? in the database, again and again)
                                        └─▶ `rooms`     (who is here; what passes from whom to whom)

Nothing passes before the doctor has let somebody in, and nothing is kept: descriptions, candidates and texts
go through, pictures and voices never come here at all. A room is in one process (`leases`).
"""
