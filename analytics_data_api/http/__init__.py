"""What every version of the API shares: parameters, formats, errors, authentication."""
