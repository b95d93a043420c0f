"""Every figure and table of the two papers, drawn from saved runs by one program.

``python -m figures`` lists them. ``python -m figures NAME --runs … --out FOLDER``
writes ``NAME.png`` and its numbers, ``NAME.csv``. A figure is a function that reads and
returns, and a row of :data:`figures.table.FIGURES`; for example::

    def recall_by_run(settings: Runs) -> Made:
        '''Recall of each test, from results.json.'''
        runs = enumerate(read_all(settings.runs))
        points = [(n, one.get("agent", "paper", "recall")) for n, one in runs]
        lines = {"recall": Line(*zip(*points))}
        labels = {"title": "Recall", "x_label": "run", "y_label": "recall"}
        return Made(points, partial(draw_lines, lines, **labels))

    FIGURES["recall_by_run"] = Figure("", ("run", "recall"), recall_by_run)

The papers' numbers are in :mod:`figures.published`, files of runs are read in
:mod:`figures.runs`, pictures are drawn by :mod:`report`.
"""
