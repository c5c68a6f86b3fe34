-- Nothing to seed: roles come with the migrations, and organizations, projects and tickets come from GitHub's deliveries.
select 1;
