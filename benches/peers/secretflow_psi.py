"""Times SecretFlow PSI (PyPI `spu` 0.9.5, Python 3.11) on the two tables that `tidegate demo --keep DIR` leaves.

Usage: secretflow_psi.py DIR [CURVE]     CURVE: CURVE_25519 (default) or CURVE_25519_ELLIGATOR2
Prints wall-clock time around the protocol, processor time and peak memory of each party. The key columns are
normalized beforehand by cutting each table to its valid 18-digit numbers, so this times less than Tidegate does.
"""

import csv
import multiprocessing
import resource
import socket
import sys
import time
import unicodedata
from pathlib import Path

WEIGHTS = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2]


def normalized(cell):
    text = unicodedata.normalize("NFKC", cell).strip().upper()
    total = sum(weight * int(digit) for weight, digit in zip(WEIGHTS, text[:17]))
    return text if "10X98765432"[total % 11] == text[17] else None


def cut(source, target):
    """Writes the distinct valid numbers of the first column."""
    with open(source, encoding="utf-8") as table:
        rows = csv.reader(table)
        next(rows)
        ids = dict.fromkeys(filter(None, (normalized(row[0]) for row in rows)))
    with open(target, "w", encoding="utf-8") as out:
        out.write("id\n" + "".join(f"{number}\n" for number in ids))


def free_ports(count):
    sockets = [socket.socket() for _ in range(count)]
    for one in sockets:
        one.bind(("127.0.0.1", 0))
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


def party(rank, directory, ports, curve, results):
    import spu.libspu.link as link
    import spu.psi as psi

    description = link.Desc()
    description.recv_timeout_ms = 1_200_000
    for index, port in enumerate(ports):
        description.add_party(f"party{index}", f"127.0.0.1:{port}")
    context = link.create_brpc(description, rank)
    protocol = psi.PsiProtocolConfig(
        protocol=psi.PsiProtocol.PROTOCOL_ECDH,
        receiver_rank=0,
        broadcast_result=False,
        ecdh_params=psi.EcdhParams(curve=getattr(psi.EllipticCurveType, curve)),
    )
    config = psi.PsiExecuteConfig(
        protocol_conf=protocol,
        input_params=psi.InputParams(path=str(directory / f"sf{rank}.csv"), selected_keys=["id"]),
        output_params=psi.OutputParams(path=str(directory / f"sf-out{rank}.csv"), disable_alignment=True),
    )
    start = time.monotonic()
    report = psi.psi_execute(config, context)
    wall = time.monotonic() - start
    usage = resource.getrusage(resource.RUSAGE_SELF)
    results.put((rank, wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss // 1024, report.intersection_count))
    context.stop_link()


def main():
    directory, curve = Path(sys.argv[1]).resolve(), (sys.argv[2:] or ["CURVE_25519"])[0]
    for rank, name in enumerate(["insurance.csv", "credit.csv"]):
        cut(directory / name, directory / f"sf{rank}.csv")
    ports, results = free_ports(2), multiprocessing.Queue()
    parties = [
        multiprocessing.Process(target=party, args=(rank, directory, ports, curve, results)) for rank in range(2)
    ]
    for one in parties:
        one.start()
    for rank, wall, cpu, mebibytes, count in sorted(results.get(timeout=3600) for _ in parties):
        print(f"{curve} party {rank}: wall {wall:.2f} s, cpu {cpu:.2f} s, peak {mebibytes} MiB, common {count}")
    for one in parties:
        one.join()


if __name__ == "__main__":
    main()
