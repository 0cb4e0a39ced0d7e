"""Where a video call is likely to hold: figures from others and our phones' own, by cells of a kilometre."""
