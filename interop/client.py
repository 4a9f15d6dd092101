"""Calls a server with grpcio and says how each case went.

The reference service and interop.Interop may be on two servers: `--users` and `--interop`.
"""

import argparse
import sys
from dataclasses import dataclass

import grpc

import harness
import case_users  # noqa: F401  (defines its cases)
import case_calls  # noqa: F401
import case_reflection  # noqa: F401
import case_shutdown  # noqa: F401


@dataclass
class Target:
    users_address: str
    users: grpc.Channel
    interop_address: str
    interop: grpc.Channel


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--users", required=True, metavar="HOST:PORT")
    parser.add_argument("--interop", required=True, metavar="HOST:PORT")
    parser.add_argument("--prefix", default="python", help="stands before each case's name")
    args = parser.parse_args()
    with (
        grpc.insecure_channel(args.users) as users,
        grpc.insecure_channel(args.interop) as interop,
    ):
        target = Target(args.users, users, args.interop, interop)
        passed = harness.run(args.prefix, target)
    sys.exit(0 if passed else 1)


if __name__ == "__main__":
    main()
