"""Data sets written and checked: ImageNet, folders as shards."""
