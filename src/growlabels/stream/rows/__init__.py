"""Turn a row of any kind (mapping, array, data frame) into numeric cells and label indices."""
