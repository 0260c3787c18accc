"""Pages and pictures of the documentation that come from code and result files."""
