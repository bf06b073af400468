/* What Criterion begins every test's process with and no test needs: libgit2, which compares texts
 * for one of its assertions and reads the machine's certificates when it starts. That takes a third
 * of the time of a test that does little, so it is told here that libgit2 stands, and finds nothing
 * to say where it asks for a comparison. */
int git_libgit2_init(void);
int git_libgit2_shutdown(void);
int git_diff_buffers(void);

int git_libgit2_init(void) { return 1; }
int git_libgit2_shutdown(void) { return 0; }
int git_diff_buffers(void) { return -1; }
