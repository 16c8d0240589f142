"""Programs made of programs: open inputs, renaming, joining, plates, groups.

`Program` itself imports from here, so this package re-exports nothing; its public names are in `aitia.programs`.
"""
