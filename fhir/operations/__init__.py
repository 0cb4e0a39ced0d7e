"""Operations beside read, write and search."""
