"""Pretraining of an encoder on plain text: needs numpy, tokenizers, torch and transformers' BERT, nothing else."""
