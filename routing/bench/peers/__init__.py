"""Other planners, each a script that runs where its package is installed and knows nothing of ours.

A script is called with the folder of a day, seconds, seed and threads. It reads `day.json` and `seconds.npy`
there and writes `answer.json`: `{"version": ..., "routes": [[vehicle, [service, ...]], ...]}`, all by number.
"""
