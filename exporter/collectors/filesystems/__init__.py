"""Collectors of file systems: Btrfs, bcachefs, XFS, ZFS and NFS."""
