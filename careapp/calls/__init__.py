"""Video calls of bookings: who may join, by which link, and how far they have come.

    prepare_call ─▶ make_join_link ─▶ redeem_link ─▶ record_consent ─▶ enter_waiting_room ─┐
        │                                                                        admit / refuse ─▶ leave
        └─▶ open_call (the doctor is there) ──────────────────────────────────────────────┘      end_call

A door stands open from 30 minutes before the booking to an hour after it. What is promised in the booking
counts at every step: who cancels or moves it says nothing to its call.
"""
