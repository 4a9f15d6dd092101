"""Compares our HTTP/2 with Python's `hpack` and `h2`; started by `conformance/differential/run`.

Work is cut into shards, each with a seed of its own, so that the outcome depends on the seed alone
and not on how many run at a time. Prints `ok SUITE` or `FAILED SUITE` with what was seen, and ends
with `N passed, N failed`.
"""

import argparse
import multiprocessing
import pathlib
import random
import sys
import time
import traceback
from collections import Counter, defaultdict

import explained
import hpack_blocks
import sessions
from judge import Judge

# Name: what our end is asked for, the function of a shard, its size.
SUITES = {
    "hpack-ours-to-theirs": (b"h", hpack_blocks.ours_to_theirs_shard, 20_000),
    "hpack-theirs-to-ours": (b"h", hpack_blocks.theirs_to_ours_shard, 20_000),
    "hpack-damaged": (b"h", hpack_blocks.malformed_shard, 5_000),
    "frames-server": (b"s", sessions.server_shard, 1_000),
    "frames-client": (b"s", sessions.client_shard, 1_000),
}


def main():
    """Runs what the arguments ask for; the exit code says whether all was well."""
    args = arguments()
    sizes = {
        "hpack-ours-to-theirs": args.blocks,
        "hpack-theirs-to-ours": args.blocks,
        "hpack-damaged": args.blocks // 5,
        "frames-server": args.sessions // 2,
        "frames-client": args.sessions // 2,
    }
    tasks = [
        (args.judge, args.seed, suite, shard, min(SUITES[suite][2], sizes[suite] - first))
        for suite in args.suite or SUITES
        for shard, first in enumerate(range(0, sizes[suite], SUITES[suite][2]))
        if args.shard is None or shard == args.shard
    ]
    print(f"seed {args.seed}", flush=True)
    seen, problems, seconds = defaultdict(Counter), defaultdict(list), Counter()
    with multiprocessing.Pool(args.jobs) as pool:
        for suite, shard, counts, problem, duration in pool.imap_unordered(run_shard, tasks):
            seen[suite] += counts
            seconds[suite] += duration
            if problem:
                problems[suite].append((shard, problem))
    suites = sorted({task[2] for task in tasks}, key=list(SUITES).index)
    for suite in suites:
        tell(suite, seen[suite], problems[suite], seconds[suite], args.seed)
    suites.append("readme")
    problems["readme"] = untold_reasons()
    print(f"{'FAILED' if problems['readme'] else 'ok'} readme: {problems['readme'] or 'tells all reasons'}")
    failed = sum(bool(problems[suite]) for suite in suites)
    print(f"{len(suites) - failed} passed, {failed} failed")
    sys.exit(1 if failed else 0)


def arguments():
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--judge", required=True, help="the program hikyaku-conformance")
    parser.add_argument("--seed", default="1", help="any text")
    parser.add_argument("--blocks", type=int, default=100_000, help="header blocks in each direction")
    parser.add_argument("--sessions", type=int, default=20_000, help="half at a server, half at a client")
    parser.add_argument("--jobs", type=int, default=2, help="shards at a time")
    parser.add_argument("--shard", type=int, help="this shard of each suite alone")
    parser.add_argument("suite", nargs="*", help=f"of {', '.join(SUITES)}; all without one")
    args = parser.parse_args()
    unknown = set(args.suite) - set(SUITES)
    if unknown:
        parser.error(f"unknown suite: {', '.join(unknown)}")
    return args


def reasons():
    """The rows of the README's table: every reason to differ, and its rule."""
    hpack = [(f"{ours or theirs} (hpack)", rule) for (ours, theirs), rule in hpack_blocks.EXPLAINED.items()]
    return [f"| {name} | {rule} |" for name, rule in [(it.name, it.rule) for it in explained.DIFFERENCES] + hpack]


def untold_reasons():
    """The reasons that the README does not have, or has otherwise."""
    readme = pathlib.Path(__file__).parent.parent / "README.md"
    text = readme.read_text(encoding="utf-8")
    return [row for row in reasons() if row not in text]


def run_shard(task):
    """One shard, in a process of its own, against an end of our own."""
    program, seed, suite, shard, count = task
    subject, function, _ = SUITES[suite]
    begin, counts, problem = time.monotonic(), Counter(), ""
    try:
        judge = Judge(program, subject)
        counts = function(judge, random.Random(f"{seed} {suite} {shard}"), count)
        judge.close()
    except hpack_blocks.Difference as difference:
        problem = str(difference)
    except Exception:  # Whatever it is, the others shall go on and this one fails.
        problem = traceback.format_exc()
    return suite, shard, counts, problem, time.monotonic() - begin


def tell(suite, seen, problems, seconds, seed):
    """How a suite went."""
    facts = [f"{count} {what}" for what, count in sorted(seen.items()) if not what.startswith("explained")]
    print(f"{'FAILED' if problems else 'ok'} {suite}: {', '.join(facts)}; {seconds:.0f} s")
    for what, count in seen.most_common():
        if what.startswith("explained"):
            print(f"    {count:6} {what}")
    for shard, problem in problems[:3]:
        print(f"  shard {shard} (again with: --seed {seed} --shard {shard} {suite})")
        print("    " + problem.replace("\n", "\n    ")[:4000])


if __name__ == "__main__":
    main()
