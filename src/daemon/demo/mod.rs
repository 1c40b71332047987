mod hearing;
mod sounds;
