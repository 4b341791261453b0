"""Documents for people: invoices and commission statements as PDF, made of the readers' views."""
