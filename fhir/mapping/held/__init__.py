"""Resources that we hold as they were sent: one file each says by what they are found."""
