"""What a merge would do, from git alone; and whether what a controller finds was reviewed.

Trees of commits (`trees`), what was applied last (`since`), the pull requests that came after it
(`requests`), and a live plan held against the reviewed one (`stands`).
"""
