"""Calls of an actor in a sub pool of Xoscar: prints microseconds of a call and calls per second, a repeat on each line."""

import asyncio
import sys
import time

import xoscar as xo


class Adder(xo.Actor):
    def __init__(self):
        self.sum = 0

    def add(self, k):
        self.sum += k
        return self.sum


async def main(repeats, latencies, calls, width):
    pool = await xo.create_actor_pool("127.0.0.1", n_process=1)
    async with pool:
        address = list(pool.sub_processes)[0]
        adder = await xo.create_actor(Adder, address=address)
        for repeat in range(repeats + 1):
            times = []
            for _ in range(latencies):
                started = time.perf_counter()
                await adder.add(1)
                times.append(time.perf_counter() - started)
            left = calls

            async def caller():
                nonlocal left
                while left > 0:
                    left -= 1
                    await adder.add(1)

            started = time.perf_counter()
            await asyncio.gather(*(caller() for _ in range(width)))
            rate = calls / (time.perf_counter() - started)
            if repeat > 0:
                print(sorted(times)[latencies // 2] * 1e6, rate, flush=True)


if __name__ == "__main__":
    asyncio.run(main(*map(int, sys.argv[1:])))
