"""Runs the commands of usermanager against a server and says how each case went."""

import argparse
import functools
import json
import subprocess
import sys
from dataclasses import dataclass

import harness
from harness import case, check, equal

COMMAND_SECONDS = 30


@dataclass
class Target:
    program: str
    server: str

    def run(self, *words, stdin=""):
        """Runs one command that must succeed; returns the messages it prints."""
        command = [self.program, "--server", self.server, "--output", "json", *words]
        done = subprocess.run(
            command, input=stdin, capture_output=True, text=True, timeout=COMMAND_SECONDS
        )
        check(done.returncode == 0, f"exit code {done.returncode}: {done.stderr}")
        return [json.loads(line) for line in done.stdout.splitlines()]


def user(number, nickname, kind):
    mail_address = f"{nickname.lower()}@example.com"
    fields = {"id": number, "nickname": nickname, "mailAddress": mail_address, "userType": kind}
    return {"user": fields}


@case
def get_user(target):
    equal(target.run("GetUser", "1"), [user(1, "admin", "ADMINISTRATOR")])
    equal(target.run("GetUser", "999"), [{"error": True, "message": "not found"}])


@case
def add_user(target):
    words = ("AddUser", "3001", "Tora", "tora@example.com", "GUEST")
    equal(target.run(*words), [user(3001, "Tora", "GUEST")])
    equal(target.run(*words), [{"error": True, "message": "already exist"}])


@case
def count_already_users(target):
    equal(target.run("CountAlreadyUsers", "1", "2", "999", "2"), [{"userCnt": 3}])


@case
def get_users_by_type(target):
    want = [user(3, "foo", "NORMAL"), user(5, "Zaru", "NORMAL"), user(6, "Saru", "NORMAL")]
    equal(target.run("GetUsersByType", "NORMAL"), want)
    equal(target.run("GetUsersByType", "NONE"), [])


@case
def get_users_by_ids(target):
    want = [user(6, "Saru", "NORMAL"), user(1, "admin", "ADMINISTRATOR")]
    equal(target.run("GetUsersByIds", "6", "999", "1"), want)


@case
def say_hello(target):
    equal(target.run("SayHello", "you", "3"), [{"message": "Hello you!"}] * 3)
    equal(len(target.run("SayHello", "you")), 10)


@case
def chat(target):
    replies = target.run("Chat", stdin="good morning\nhow are you?\n")
    equal([reply["message"] for reply in replies], ["Thank!!!", "good day!!!"] * 2)


@case
def an_error_of_the_server_is_told(target):
    command = [target.program, "--server", target.server, "SayHello", "you", "many"]
    run = functools.partial(subprocess.run, capture_output=True, text=True)
    done = run(command, timeout=COMMAND_SECONDS)
    equal(done.returncode, 1)
    check("UNKNOWN" in done.stderr.upper(), f"no code in {done.stderr!r}")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--server", required=True, metavar="URL")
    parser.add_argument("--program", required=True, metavar="PATH")
    args = parser.parse_args()
    passed = harness.run("cli", Target(args.program, args.server))
    sys.exit(0 if passed else 1)


if __name__ == "__main__":
    main()
