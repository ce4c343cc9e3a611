"""The linters catch what they are for, and let pass what is right. Runs with unittest: python3 -m unittest test_lint"""

import tempfile
import unittest
from pathlib import Path

import coroutine_lint
import include_lint


def includes(path: str, *lines: str) -> list[str]:
    return include_lint.check_text(path, "\n".join(lines))


class include_arrows(unittest.TestCase):
    def test_wrong_includes_are_caught(self):
        wrong = [
            ("actors/domain/user/decide.cpp", "#include <caf/all.hpp>"),
            ("actors/domain/user/decide.cpp", "#include <rocksdb/db.h>"),
            ("actors/domain/user/decide.cpp", "#include <random>"),
            ("actors/domain/user/decide.cpp", "auto t = std::chrono::system_clock::now();"),
            ("actors/domain/user/decide.cpp", '#include "actors/domain/post/state.hpp"'),
            ("actors/domain/comment/decide.cpp", '#include "actors/domain/post/state.hpp"'),
            ("actors/base/ids.cpp", '#include "actors/domain/row.hpp"'),
            ("actors/runtime/ask.hpp", '#include "actors/protocol/user.hpp"'),
            ("actors/push/lane.cpp", "#include <boost/asio.hpp>"),
            ("actors/push/lane.cpp", '#include "actors/domain/user/state.hpp"'),
            ("http/api/routes.cpp", '#include "storage/store.hpp"'),
            ("http/api/routes.cpp", "#include <boost/beast/http.hpp>"),
            ("http/api/routes.cpp", "#include <caf/actor.hpp>"),
            ("http/server/listener.cpp", '#include "actors/runtime/ask.hpp"'),
            ("storage/journal.cpp", '#include "actors/runtime/ask.hpp"'),
            ("config/options.cpp", '#include "http/server/server.hpp"'),
            ("config/compose/push/push.cpp", '#include "http/api/routes.hpp"'),
            ("config/compose/api/api.cpp", '#include "actors/push/push_actor.hpp"'),
            ("storage/journal.cpp", '#include "journal.hpp"'),
            ("tests/unit/base/ids_test.cpp", "#include <catch2/catch.hpp>"),
            ("actors/unknown/file.cpp", ""),
        ]
        for path, line in wrong:
            with self.subTest(path=path, line=line):
                self.assertEqual(len(includes(path, line)), 1)

    def test_right_includes_pass(self):
        right = [
            ("actors/domain/user/decide.cpp", '#include "actors/base/result.hpp"'),
            ("actors/domain/user/decide.cpp", "#include <chrono>"),
            ("actors/domain/user/decide.cpp", "// never system_clock::now here"),
            ("actors/domain/post/decide.cpp", '#include "actors/domain/comment/state.hpp"'),
            ("actors/base/result.hpp", "#include <boost/system/result.hpp>"),
            ("actors/push/transport_http1.cpp", "#include <boost/asio.hpp>"),
            ("actors/push/lane.cpp", "#include <caf/all.hpp>"),
            ("http/gateway/gateway.cpp", "#include <boost/asio/post.hpp>"),
            ("http/api/routes.cpp", '#include "actors/protocol/user.hpp"'),
            ("config/main_social_server.cpp", '#include "config/compose/api/api.hpp"'),
            ("config/compose/common/node.cpp", '#include "storage/store.hpp"'),
            ("tests/unit/storage/journal_test.cpp", '#include "storage/journal.hpp"'),
        ]
        for path, line in right:
            with self.subTest(path=path, line=line):
                self.assertEqual(includes(path, line), [])

    def test_layout(self):
        with tempfile.TemporaryDirectory() as folder:
            root = Path(folder)
            for name in ("actors/base", "http/server", "docs", "build/x"):
                (root / name).mkdir(parents=True)
            self.assertEqual(include_lint.check_layout(root), [])
            (root / "src").mkdir()
            (root / "actors" / "helpers").mkdir()
            self.assertEqual(len(include_lint.check_layout(root)), 2)


class coroutine_temporaries(unittest.TestCase):
    def test_wrong_expressions_are_caught(self):
        for line in (
            "co_await f({.a = x});",
            "co_await f(request{x});",
            "auto r = co_await co_spawn(ex, [s] { return s; }, use_awaitable);",
            "co_await f(\n  [&](int i) { return i; });",
            "if (co_await f({1, 2})) { g(); }",
        ):
            with self.subTest(line=line):
                self.assertEqual(len(coroutine_lint.check_text("a.cpp", line)), 1)

    def test_right_expressions_pass(self):
        for line in (
            "request r{x}; co_await f(std::move(r));",
            "if (co_await f(x)) { g({1}); }",
            "while (co_await f(x[1])) { h(); }",
            "co_await f(std::string{text});",
            "co_await f([](int i) { return i + 1; });",
            "co_await f(request{x});  // coroutine: has a constructor",
            "// co_await f({.a = x});",
            'co_await f("{.a}");',
        ):
            with self.subTest(line=line):
                self.assertEqual(coroutine_lint.check_text("a.cpp", line), [])


if __name__ == "__main__":
    unittest.main()
