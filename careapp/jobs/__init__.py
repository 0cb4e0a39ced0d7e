"""Long work: a row for each job, one supervised child process, and a claim for what is due once a day."""
