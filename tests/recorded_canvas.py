"""What is drawn on canvases, call by call, in place of pixels."""

from collections import defaultdict

from report.canvas import Canvas


def record(monkeypatch) -> dict[str, list[tuple]]:
    """Note the positional arguments of a canvas's methods, which draw all the same."""
    calls = defaultdict(list)
    for name in ("text", "box", "line", "polygon", "disc", "image"):
        method = getattr(Canvas, name)

        def noting(self, *arguments, _name=name, _method=method, **look):
            calls[_name].append(arguments)
            return _method(self, *arguments, **look)

        monkeypatch.setattr(Canvas, name, noting)
    return calls


def texts(calls) -> list[str]:
    return [arguments[2] for arguments in calls["text"]]
