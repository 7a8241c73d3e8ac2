"""The hosts page: search, order, groups, columns, selection and saved views."""
