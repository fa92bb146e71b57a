create table results (id integer primary key, status text);
