"""Turn the kept conversations into a dataset version: split, written, counted, checked, and explained line by line.

The room promises that equal input gives byte-identical split files, that no customer and no near-duplicate cluster
stands in two splits, and that every line can be followed back to the record it came from.
"""
