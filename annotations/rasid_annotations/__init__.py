"""The corpus and its measures: files, checks, written annotations, agreement and evaluation.

Nothing here imports torch or transformers; seqeval is loaded only by the function that needs it.
"""
