"""What others' libraries make of the environments; ``docs/gymnasium.md`` has more.

They need the extra ``examples``: ``pip install -e '.[examples]'``.
"""
