/* multiply.h: the one matrix product of tinylm. */
#ifndef TINYLM_MULTIPLY_H
#define TINYLM_MULTIPLY_H

#define MULTIPLY_LANES 16 /* outputs computed side by side */

/* Rows of floats; row r starts at at + r * stride. The memory is the caller's, aligned to floats. */
struct block {
    float *at;
    int stride;
};

/* y[rows][out] = x[rows][in] w[in][out]; out is a multiple of MULTIPLY_LANES. Each output is summed over `in` from 0 up, one
 * product and one addition at a time, so the result does not depend on the vector width of the machine. */
void multiply(struct block y, struct block x, struct block w, int rows, int in, int out);

#endif
