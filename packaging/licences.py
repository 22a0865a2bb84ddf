"""The package's copyright file and the licences of the crates in its programs. In: COPYRIGHT CRATES, the two files to write, and the
project's own lock and the crates that cargo has fetched for it; out: those files. It asks nobody over the network."""

import json
import os
import subprocess
import sys

NAMES = ("licen", "copying", "notice", "unlicense", "copyright")
TRIPLES = ("x86_64-unknown-linux-gnu", "aarch64-unknown-linux-gnu")


def crates():
    """Every crate that is linked in: the normal dependencies on our two machines, without the tests'."""
    found = {}
    for triple in TRIPLES:
        command = ["cargo", "metadata", "--format-version", "1", "--locked", "--offline", "--filter-platform", triple]
        told = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
        packages = {package["id"]: package for package in told["packages"]}
        nodes = {node["id"]: node for node in told["resolve"]["nodes"]}
        ours = told["resolve"]["root"]
        todo, seen = [ours], set()
        while todo:
            one = todo.pop()
            if one in seen:
                continue
            seen.add(one)
            for dep in nodes[one]["deps"]:
                if any(kind["kind"] is None for kind in dep["dep_kinds"]):
                    todo.append(dep["pkg"])
        for one in seen - {ours}:
            found[(packages[one]["name"], packages[one]["version"])] = packages[one]
    return [found[key] for key in sorted(found)]


def texts(package):
    """The licence files that came with a crate."""
    folder = os.path.dirname(package["manifest_path"])
    for name in sorted(os.listdir(folder)):
        path = os.path.join(folder, name)
        if name.lower().startswith(NAMES) and os.path.isfile(path):
            with open(path, encoding="utf-8", errors="replace") as file:
                yield name, file.read().strip()


def indented(text):
    """As a copyright file wants a text."""
    return "\n".join(" " + (line.rstrip() or ".") for line in text.strip().splitlines())


def main():
    linked = crates()
    with open("LICENSE-MIT", encoding="utf-8") as file:
        mit = file.read()
    with open(sys.argv[1], "w", encoding="utf-8") as out:
        out.write("Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/\n")
        out.write("Upstream-Name: postern\n\nFiles: *\nCopyright: The Postern contributors\nLicense: MIT or Apache-2.0\n\n")
        out.write("License: MIT or Apache-2.0\n Apache-2.0: on Debian systems the text is in /usr/share/common-licenses/Apache-2.0.\n")
        out.write(" .\n MIT:\n .\n" + indented(mit) + "\n\n")
        out.write("Comment:\n The programs hold these crates; the texts of their licences are in licences-of-crates.gz beside this file.\n")
        for package in linked:
            by = ", ".join(author.split(" <")[0] for author in package["authors"]) or "its contributors"
            out.write(f" .\n {package['name']} {package['version']}: {package['license'] or 'see its file'}; {by}\n")
    with open(sys.argv[2], "w", encoding="utf-8") as out:
        first = {}
        for package in linked:
            title = f"{package['name']} {package['version']} ({package['license']})"
            out.write(f"{'=' * 72}\n{title}\n")
            for name, text in texts(package):
                if text in first:
                    out.write(f"{name}: as {first[text]}\n")
                else:
                    first[text] = f"{name} of {package['name']}"
                    out.write(f"--- {name}\n{text}\n")


main()
