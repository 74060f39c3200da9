#!/usr/bin/env python3
"""Times `tidegate join` on tables of its own, both parties on this machine: CPU time per phase, bytes, memory.

    cargo build --release
    python3 benches/joint_statistics.py 100000 --values 1 --groups 16 --hide partitions --threads 1

Half of the records are common. The owner's table has a number from 0 to 99,999, with `--values 2` also one from -500 to
500; the statistics are their sums, by group if there are groups. With `taskset -c 0` in front both share one core.
"""
import argparse
import json
import pathlib
import random
import socket
import subprocess
import tempfile

PROGRAM = pathlib.Path(__file__).resolve().parent.parent / "target/release/tidegate"


def agreement(args, keys, port):
    by = 'by = ["g"]\n' if args.groups else ""
    groups = ", ".join(f'"{group}"' for group in range(args.groups))
    category = f'[[column]]\nkind = "category"\nparty = "owner"\nname = "g"\ncategories = [{groups}]\n'
    dummies = '[join.dummies]\nepsilon = "1"\ndelta = "0.000001"\n'
    bounds = [("0", "100000"), ("-500", "500")][: args.values]
    columns = "".join(
        f'[[column]]\nkind = "number"\nparty = "owner"\nname = "v{i}"\ndecimals = 0\nmin = "{low}"\nmax = "{high}"\n'
        for i, (low, high) in enumerate(bounds)
    )
    sums = "".join(
        f'[[statistic]]\nname = "s{i}"\nkind = "sum"\nof = "v{i}"\n{by}' for i in range(args.values)
    )
    return f"""version = 1
id = "bench"
purpose = "bench"
protocol = "join-elgamal"
output = ["owner", "matcher"]
minimum_intersection = 0
max_runs = 1
expires = "2099-12-31"
[[key]]
name = "id"
rules = []
[[party]]
name = "owner"
key = "{keys['owner']}"
endpoint = "127.0.0.1:{port}"
max_records = {args.records}
[[party]]
name = "matcher"
key = "{keys['matcher']}"
max_records = {args.records}
[join]
groups = "{args.hide}"
duplicates = "refuse"
missing = "refuse"
{dummies if args.hide == "partitions" else ""}{columns}{category if args.groups else ""}{sums}[disclosure]
minimum_count = 10
"""


def write_tables(args, place):
    numbers = random.Random(7)
    with open(place / "owner.csv", "w") as table:
        table.write("id,g,v0,v1\n")
        for i in range(args.records):
            values = f"{numbers.randrange(100000)},{numbers.randrange(-500, 500)}"
            table.write(f"{i:018d},{i * 7919 % max(args.groups, 1)},{values}\n")
    with open(place / "matcher.csv", "w") as table:
        table.write("id\n")
        table.writelines(f"{i + args.records // 2:018d}\n" for i in range(args.records))


def start(place, party, threads):
    command = [PROGRAM, "join", "--agreement", "agreement.toml", "--identity", f"{party}.key", "--input", f"{party}.csv"]
    command += ["--state-dir", f"{party}-state", "--threads", threads, "--format", "json"]
    return subprocess.Popen(command, cwd=place, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("records", type=int)
    parser.add_argument("--values", type=int, choices=[1, 2], default=1)
    parser.add_argument("--groups", type=int, default=0)
    parser.add_argument("--hide", choices=["columns", "partitions"], default="columns")
    parser.add_argument("--threads", default="1")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        place = pathlib.Path(directory)
        keys = {}
        for party in ["owner", "matcher"]:
            made = subprocess.run(
                [PROGRAM, "key", "new", f"{party}.key"], cwd=place, check=True, capture_output=True, text=True
            )
            keys[party] = next(word for word in made.stdout.split() if word.startswith("ed25519:"))
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        (place / "agreement.toml").write_text(agreement(args, keys, port))
        write_tables(args, place)
        for party in keys:
            sign = [PROGRAM, "agreement", "sign", "agreement.toml", "--identity", f"{party}.key"]
            subprocess.run(sign, cwd=place, check=True, capture_output=True)
        parties = {party: start(place, party, args.threads) for party in keys}
        said = {party: running.communicate() for party, running in parties.items()}
    for party, running in parties.items():
        if running.returncode:
            raise SystemExit(f"{party}: {said[party][1]}")
    show(args, {party: json.loads(out) for party, (out, _) in said.items()})


def show(args, reports):
    cpu = {party: sum(phase["cpu_seconds"] for phase in report["phases"]) for party, report in reports.items()}
    traffic = reports["owner"]["traffic"]
    wire = traffic["wire_sent_bytes"] + traffic["wire_received_bytes"]
    print(f"{sum(cpu.values()) * 1e6 / args.records:.1f} microseconds CPU a record, {wire / args.records:.1f} bytes")
    for party, report in reports.items():
        phases = [phase for phase in report["phases"] if phase["phase"] != "connect"]
        wall = sum(phase["wall_seconds"] for phase in phases)
        print(f"{party}: {wall:.1f} s, {report['peak_memory_bytes'] >> 20} MiB at most; microseconds CPU a record:")
        print("  " + ", ".join(f"{p['phase']} {p['cpu_seconds'] * 1e6 / args.records:.2f}" for p in phases))


if __name__ == "__main__":
    main()
