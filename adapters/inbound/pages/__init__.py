"""The pages for auditors: HTML made here, readable without JavaScript and printable."""
