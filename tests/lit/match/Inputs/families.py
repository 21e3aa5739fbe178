# Forty rules `*aI_*bI_*`: 2^40 states when determinised whole.
for i in range(40):
    print(f"config w{i} {{ weight int8 }}")
print("match first {")
for i in range(40):
    print(f'  glob "*a{i}_*b{i}_*" => w{i}')
print("}")
