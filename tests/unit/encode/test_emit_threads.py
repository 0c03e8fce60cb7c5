from __future__ import annotations

import gc
import threading
import time

from tests.unit.encode.encoders import Bench, Twin


class TestThreads:
    def test_every_record_of_every_thread_arrives_once(self, twin: Twin) -> None:
        bench = Bench(twin, size=1 << 14)
        threads, each = 16, 500

        def work(name: int) -> None:
            for number in range(each):
                bench.log.info("m", name=name, number=number, odd=(number,), padding="x" * (number % 200))

        workers = [threading.Thread(target=work, args=(name,)) for name in range(threads)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        found = [(record.attributes["name"], record.attributes["number"]) for record in bench.records()]
        assert sorted(found) == [(name, number) for name in range(threads) for number in range(each)]
        for name in range(threads):
            assert [number for who, number in found if who == name] == list(range(each))
        assert bench.balanced()

    def test_sealing_and_collecting_beside_them_loses_nothing(self, twin: Twin) -> None:
        bench = Bench(twin, size=4096)
        stop = threading.Event()
        number_of = [0] * 6

        def work(name: int) -> None:
            while not stop.is_set():
                bench.submit({"name": name}, {"number": number_of[name]}, (9, 17, 5)[name % 3])
                number_of[name] += 1

        def disturb() -> None:
            while not stop.is_set():
                bench.core.seal_open()
                gc.collect(0)
                bench.core.submitted_counts()
                bench.core.open_records()

        workers = [threading.Thread(target=work, args=(name,)) for name in range(6)]
        workers.append(threading.Thread(target=disturb))
        for worker in workers:
            worker.start()
        time.sleep(0.25)
        stop.set()
        for worker in workers:
            worker.join()
        found = bench.records()
        assert len(found) == sum(number_of) == bench.submitted
        for name, count in enumerate(number_of):
            assert [r.attributes["number"] for r in found if r.body == {"name": name}] == list(range(count))

    def test_reconfiguring_beside_them_loses_no_record(self, twin: Twin) -> None:
        bench = Bench(twin)
        cores = [bench.core]
        stop = threading.Event()
        counts = [0] * 4

        def work(name: int) -> None:
            log = bench.logger()
            while not stop.is_set():
                log.info("m", odd=(name,))
                counts[name] += 1

        workers = [threading.Thread(target=work, args=(name,)) for name in range(4)]
        for worker in workers:
            worker.start()
        for _ in range(40):
            bench.port.core = core = bench.new_core()
            cores.append(core)
            time.sleep(0.002)
        stop.set()
        for worker in workers:
            worker.join()
        assert sum(core.stored_total() for core in cores) == sum(counts)
        assert sum(counts) > 40
