#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# Python: it parses (what other projects load, by the grammar of 3.6), nothing is imported that is
# not used, no name is used that is bound nowhere in the file, and lines have at most 100 columns.
set -euo pipefail

# shellcheck source=tests/lint/files.sh
. "$(dirname "$0")/files.sh"

program='
import ast, builtins, sys

def names_bound(tree):
    bound = set(dir(builtins)) | {"__file__", "__name__", "__doc__"}
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            bound.add(node.name)
        elif isinstance(node, ast.arg):
            bound.add(node.arg)
        elif isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
            bound.add(node.id)
        elif isinstance(node, ast.ExceptHandler) and node.name:
            bound.add(node.name)
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            bound |= {alias.asname or alias.name.partition(".")[0] for alias in node.names}
    return bound

def check(path):
    text = open(path, encoding="utf-8").read()
    is_loaded = path.startswith("libvirt-plugin/integrations/")
    try:
        tree = ast.parse(text, path, feature_version=(3, 6) if is_loaded else None)
    except SyntaxError as error:
        yield error.lineno, "it does not parse: %s" % error.msg
        return
    used = {node.id: node.lineno for node in ast.walk(tree)
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)}
    bound = names_bound(tree)
    for name in sorted(set(used) - bound):
        yield used[name], "%s is bound nowhere" % name
    for node in ast.walk(tree):
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            for alias in node.names:
                name = alias.asname or alias.name.partition(".")[0]
                if name not in used:
                    yield node.lineno, "%s is imported and not used" % name
    for number, line in enumerate(text.splitlines(), 1):
        if len(line) > 100:
            yield number, "%d columns; at most 100" % len(line)

for path in sys.argv[1:]:
    for line, text in check(path):
        print("%s:%d: %s" % (path, line, text))
'

files=$(lint_find -name '*.py')
lint_require "$files"
found=$(cd "$lint_top" && xargs -d '\n' python3 -c "$program" <<<"$files")
if [ -n "$found" ]; then lint_violation_lines <<<"$found"; fi
lint_done
